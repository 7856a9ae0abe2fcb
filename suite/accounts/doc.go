// Package accounts holds end-to-end tests of signing up and in, of sessions and of the limits of sign-in.
package accounts
