// Package cli runs the real command as its users do: scripts in testdata say
// what is typed, which exit code comes back, what stands on standard output
// (rows, and nothing else) and what people are told on standard error.
//
// The scripts are txtar files in the language of testscript, with these commands
// besides:
//
//	run CODE ARG ...     run streamsql; it must end with exit code CODE
//	rows DIR FILE        the visible files of a sink's directory hold the lines of
//	                     FILE, in any order; the header of a CSV file counts
//	                     once per file
//	edit FILE OLD NEW    replace a text in a file, which must hold it
//	lines FILE N TEXT    write a file of N lines, # standing for the line's number
//	bytes FILE TEXT      write a file from a Go string literal's inside
//	gz FILE [BYTES]      compress a file to FILE.gz, cut off after BYTES
package cli
