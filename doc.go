// Package streamsql embeds the streaming SQL engine in a Go program: open an
// [Engine], make a [Session], run scripts, iterate results as Arrow records, watch
// and stop jobs. It holds no logic of its own: package planner plans, exec runs.
//
//	eng, err := streamsql.Open(streamsql.Options{DataDir: "state"})
//	defer eng.Close()
//	rows, err := eng.Script().Query(ctx, "SELECT 1 + 1 AS two")
//	defer rows.Close()
//	for rows.Next() {
//		fmt.Println(rows.Record())
//	}
//	err = rows.Err()
//
// # Scripts
//
// A text is a script: definitions, settings, SELECTs and INSERTs. A session of
// [Engine.Script] has its definitions to itself, one of [Engine.Session] shares them
// through the engine's catalog, which the data directory keeps. Three calls run a
// script: [Session.Query] gives the rows of its SELECT, [Session.Start] starts its
// INSERTs as one job in the background, [Session.Exec] runs all of it to the end.
// Who wants the parts (a shell, a server) calls [Session.Analyze] and goes through
// the steps.
//
// # Errors
//
// What is wrong with a text is a parser.ErrorList, with positions and hints, before
// anything runs: errors.As finds it. What goes wrong later is the error of [Rows.Err]
// or [Job.Wait]; it wraps the cause, a source's, a sink's or the context's.
//
// # Own parts
//
// Connectors and functions of the program's own are values in [Options]. What
// connectors must do stands in package connectors, and package
// connectors/connectortest has the suite that tries one out. Rows that the program
// has or wants itself go through tables in memory: package connectors/memory.
//
// # Planning alone
//
// Package planner turns texts into plans and needs neither the engine nor a
// connector's code: see its example.
package streamsql
