// Package catalog says what names mean: types, columns, sources, sinks, views,
// functions and connector descriptions.
//
// It holds the two contracts that keep the planner and the engine apart. A
// Function is one value (name, signatures, docs, volatility and the kernel
// behind an interface), made by exec/expr and exec/agg and handed here as a
// set. A ConnectorSpec is plain data, filled in by connectors. Bound
// expressions (Expr) stand here too, since the planner makes them and exec/expr
// runs them.
//
// It imports parser at most, and knows nothing of plans, connectors' code or
// state.
package catalog
