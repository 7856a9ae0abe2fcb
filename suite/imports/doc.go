// Package imports holds the tests of imports that need PostgreSQL or processes of their own. They test the rules of imports on
// PostgreSQL, imports that are killed, and imports that run at the same time as users, other imports, or the workers of nodes.
package imports
