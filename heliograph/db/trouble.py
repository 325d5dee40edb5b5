"""What PostgreSQL raises while it restarts or when two transactions met: nothing was committed, trying again helps."""

import asyncpg

DATABASE_TROUBLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # starts up, shuts down, cancels a statement
    asyncpg.InsufficientResourcesError,  # connections, memory, room on its disk
    asyncpg.ObjectNotInPrerequisiteStateError,  # lets nobody into this database just now, or a lock was not to be had
    asyncpg.ReadOnlySQLTransactionError,  # a failover: what answers is not yet, or no more, the primary
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection broke between two steps of its protocol
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
