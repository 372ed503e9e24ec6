// Package normalize makes a changelog of upserts (semantics 3): it keeps the last
// row of each key, takes it back when another one comes, and deletes it whole when
// the key alone is deleted.
package normalize
