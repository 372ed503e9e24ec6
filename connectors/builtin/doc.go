// Package builtin fills a registry with all connectors and formats of the
// product. There is no hidden list and no order of initialisation: what is
// registered stands here.
package builtin
