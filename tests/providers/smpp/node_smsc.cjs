// An SMSC made of node-smpp (npm), for tests: somebody else's reading of SMPP 3.4.
//
//   node node_smsc.cjs DIRECTORY_OF_NODE_MODULES
//
// Writes a JSON line for whatever happens, the first with its port. Obeys JSON lines on its standard input:
//   {"answers": [{"status": 88}, {"drop": true}, {"silent": true}, {}]}   what becomes of the next submit_sm, in turn
//   {"deliver": {…fields of deliver_sm, and "udh" in hexadecimal…}}       is sent over the newest session
//   {"enquire": true}   {"close": true}                                   asks, or closes every session
"use strict";
const path = require("path");
const readline = require("readline");
const smpp = require(path.join(process.argv[2], "smpp"));

const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");
let sessions = [];
let answers = [];
let count = 0;

const server = smpp.createServer({}, (session) => {
  session.on("error", () => {});
  session.on("close", () => {
    sessions = sessions.filter((each) => each !== session);
    say({ event: "closed" });
  });
  session.on("bind_transceiver", (pdu) => {
    if (pdu.password !== "secret") {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      return;
    }
    session.send(pdu.response({ system_id: "node" }));
    sessions.push(session);
    say({ event: "bound", system_id: pdu.system_id, system_type: pdu.system_type, version: pdu.interface_version });
  });
  session.on("submit_sm", (pdu) => submitted(session, pdu));
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => {
    say({ event: "unbound" });
    session.send(pdu.response());
    session.close();
  });
});

function submitted(session, pdu) {
  count += 1;
  const name = count.toString(16).padStart(8, "0");
  const text = pdu.short_message.message;
  say({
    event: "submitted",
    name,
    to: pdu.destination_addr,
    from: pdu.source_addr,
    numbering: [pdu.source_addr_ton, pdu.source_addr_npi, pdu.dest_addr_ton, pdu.dest_addr_npi],
    data_coding: pdu.data_coding,
    esm_class: pdu.esm_class,
    registered_delivery: pdu.registered_delivery,
    validity: pdu.validity_period,
    text: Buffer.isBuffer(text) ? text.toString("latin1") : text,
    udh: pdu.short_message.udh ? pdu.short_message.udh.map((each) => each.toString("hex")) : [],
    payload: pdu.message_payload ? pdu.message_payload.message || pdu.message_payload : null,
    sar: [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum],
  });
  const answer = answers.shift() || {};
  if (answer.drop) {
    session.socket.destroy();
  } else if (answer.status) {
    session.send(pdu.response({ command_status: answer.status }));
  } else if (!answer.silent) {
    session.send(pdu.response({ message_id: name }));
  }
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const command = JSON.parse(line);
  const session = sessions[sessions.length - 1];
  if (command.answers) {
    answers = command.answers;
  } else if (command.deliver) {
    const { udh, ...fields } = command.deliver;
    if (udh) fields.short_message = { udh: Buffer.from(udh, "hex"), message: fields.short_message };
    session.deliver_sm(fields, (pdu) => say({ event: "delivered", status: pdu.command_status }));
  } else if (command.enquire) {
    session.enquire_link({}, (pdu) => say({ event: "alive", status: pdu.command_status }));
  } else if (command.close) {
    sessions.forEach((each) => each.socket.destroy());
  }
  say({ event: "obeyed" });
});
server.listen(0, "127.0.0.1", () => say({ event: "listening", port: server.address().port }));
