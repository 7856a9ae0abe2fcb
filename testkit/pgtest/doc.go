// Package pgtest makes databases for tests on a real PostgreSQL, version 15 or newer.
//
// [URL] is a fresh empty database, [FromTemplate] a copy of one that was built
// once; both are dropped when the test ends. They live in one cluster per test
// process, which starts at the first use and is gone when the process ends, however
// it ends (see package testproc); no TestMain is needed. To
// use a server of your own instead, set ROOST_TEST_DATABASE_URL to its lib/pq URL, with a
// role that may create databases. A test process that is killed leaves its
// databases on that server; these are dropped after a day.
//
// [StartCluster] is for tests that stop or kill the server; [Cluster.Standby] copies it to a standby, which can be
// promoted.
//
// Binaries are taken from ROOST_TEST_POSTGRES_BIN (a directory), else PATH, else
// where distributions put them, the newest first. PostgreSQL refuses to run as
// root: a root test process starts it as postgres or nobody. Without binaries a
// test fails and says what to do; it never skips.
//
// Private clusters run without fsync: a killed PostgreSQL process loses nothing
// by that, a machine that loses power would. Commits stay synchronous.
package pgtest
