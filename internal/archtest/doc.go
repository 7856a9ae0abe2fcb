// Package archtest holds the repository to its architecture, in tests:
//
//   - A package imports packages of lower layers only, as layers_test.go lists
//     them; edges inside a layer are listed one by one.
//   - A new package has to be given a layer there.
//   - Programs do not import test helpers, nor package testing.
//   - Tests import their own layer, lower ones, and test helpers.
//   - Every package has one package comment, and no file written by hand grows
//     beyond what one reads in one go.
package archtest
