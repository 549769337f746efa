//! HBONE client, server, pool and copy loop.
