// Package archtest holds the repository to its architecture, in tests:
//
//   - A package imports packages of lower layers only, as the map in
//     ARCHITECTURE.md lists them; imports inside a layer are listed one by one
//     in layers_test.go.
//   - A new package needs a row in that map.
//   - Programs do not import test helpers, nor package testing.
//   - Tests import their own layer, lower ones, and test helpers.
//   - Every package has one package comment, and no file written by hand grows
//     beyond what one reads in one go.
//   - No file has a conflict marker. A line of Go has at most 140 columns, an
//     exported name a comment that says more than the name, and no comment uses
//     a verb of people for what code does (text_test.go has the list).
package archtest
