// Package pgtest makes databases for tests on a real PostgreSQL, version 15 or newer.
//
// [URL] returns a fresh empty database. [FromTemplate] returns a copy of a database
// that was built once. Both are dropped when the test ends. A test process has one
// private server (a cluster) for all these databases. The cluster starts at the first
// use and is removed when the process ends, however it ends (see package testproc), so
// no TestMain is needed. To use a server of your own instead, set
// ROOST_TEST_DATABASE_URL to its lib/pq URL, with a role that may create databases. A
// test process that is killed leaves its databases on that server; a later test process
// drops them after a day.
//
// [StartCluster] is for tests that stop or kill the server; [Cluster.Standby] copies
// the server to a standby, which can be promoted.
//
// The binaries of PostgreSQL are taken from ROOST_TEST_POSTGRES_BIN (a directory). If
// it is not set, they are taken from PATH, or else from the directories where
// distributions put them, the newest version first. PostgreSQL refuses to run as root,
// so a test process that runs as root starts it as the user postgres or nobody. Without
// binaries a test fails with a message that says what to do; it is never skipped.
//
// Private clusters run without fsync, unless Options.Durable is set. A PostgreSQL
// process that is killed loses nothing because of this; a machine that loses power
// would. Commits stay synchronous.
package pgtest
