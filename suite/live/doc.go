// Package live holds end-to-end tests of subscriptions and sockets, on one node and on several.
package live
