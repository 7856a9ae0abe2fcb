// Package imports holds the tests of imports that need PostgreSQL or processes of their own: the rules on PostgreSQL, imports that
// are killed, and imports beside users, other imports, and the workers of nodes.
package imports
