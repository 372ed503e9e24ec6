// Package streamsql embeds the streaming SQL engine: open an Engine, make a
// Session, run scripts, iterate results as Arrow records, watch and stop jobs.
//
//	eng, err := streamsql.Open(streamsql.Options{})
//	rows, err := eng.Session().Query(ctx, "SELECT 1 + 1 AS two")
//	for rows.Next() {
//		fmt.Println(rows.Record())
//	}
//
// Own sources, sinks and functions are registered in Options. The package holds
// no logic of its own: planner plans, exec runs.
package streamsql
