// Package archtest tests that the repository keeps to its architecture:
//
//   - A package imports only packages of lower layers. The map in ARCHITECTURE.md lists
//     the layers; layers_test.go lists each import inside a layer.
//   - A new package needs a row in that map. The rows are in the order of layers.
//   - No folder spans more than two layers.
//   - Programs import neither test helpers nor package testing.
//   - Tests import only their own layer, lower layers, and test helpers.
//   - Every package has one package comment, and no file that is written by hand grows
//     too long to read in one go.
//   - No file has a conflict marker. A line of Go has at most 140 columns. An exported name has a comment that says more than
//     the name. No comment and no string of a program, such as an error or a line of the log, describes what code does with a
//     verb that fits only people (text_test.go lists these verbs).
package archtest
