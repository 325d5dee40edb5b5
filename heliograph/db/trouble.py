"""What PostgreSQL raises while it restarts or when two transactions met: nothing was committed, trying again helps."""

import asyncpg

DATABASE_TROUBLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection broke between two steps of its protocol
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
