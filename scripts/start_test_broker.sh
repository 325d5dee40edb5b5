#!/usr/bin/env bash
# Starts an ActiveMQ of Debian in the foreground, for tests: STOMP and OpenWire on 127.0.0.1, messages kept in a directory,
# one user.
#   scripts/start_test_broker.sh DIRECTORY STOMP_PORT OPENWIRE_PORT
# Ends with SIGTERM. What it needs comes with scripts/install_test_peers.sh.
set -euo pipefail

directory=$(realpath --canonicalize-missing "${1:?a directory for messages}")
stomp_port=${2:?a free port for STOMP}
openwire_port=${3:?a free port for OpenWire, which JMS clients speak}
main=/usr/share/java/activemq-console.jar

if ! command -v java >/dev/null || [ ! -e "$main" ]; then
    echo "ActiveMQ is missing: run scripts/install_test_peers.sh (Debian package activemq)" >&2
    exit 1
fi
mkdir -p "$directory"
cat >"$directory/broker.xml" <<XML
<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
       xsi:schemaLocation="
           http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans.xsd
           http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="tests" dataDirectory="$directory/data"
          persistent="true" useJmx="false" useShutdownHook="true" advisorySupport="false">
    <plugins>
      <simpleAuthenticationPlugin>
        <users>
          <authenticationUser username="heliograph" password="a password: for tests@all" groups="users"/>
        </users>
      </simpleAuthenticationPlugin>
    </plugins>
    <transportConnectors>
      <transportConnector name="stomp" uri="stomp://127.0.0.1:$stomp_port"/>
      <transportConnector name="openwire" uri="tcp://127.0.0.1:$openwire_port"/>
    </transportConnectors>
  </broker>
</beans>
XML
exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "/usr/share/java/*" \
    org.apache.activemq.console.Main start "xbean:file:$directory/broker.xml"
