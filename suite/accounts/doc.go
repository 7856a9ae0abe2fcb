// Package accounts holds end-to-end tests of sign-up and sign-in, of sessions, and of the limits of sign-in.
package accounts
