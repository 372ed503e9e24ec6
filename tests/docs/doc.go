// Package docs runs the examples of the documentation with the real binary: what
// a page shows is what a reader gets.
//
// Every page is a session of its own in an empty directory. Its fenced blocks are
// taken in order, by the words after the fence:
//
//	LANGUAGE NAME    a file: it is written under that name
//	sh               commands for bash
//	sql              statements for the shell `streamsql`, on standard input
//	output [exit N]  what the block before it must print, standard error too, and
//	                 the exit code it ends with (0)
//
// All other blocks are left alone. A block without output must succeed, whatever
// it prints. After a deliberate change, `go test ./tests/docs -rewrite` writes the
// outputs anew; they are to be read before they are committed.
package docs
