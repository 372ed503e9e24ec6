// Package jsonpath parses and evaluates paths of SQL/JSON over documents of
// package fastjson.
//
//	path      = [lax | strict] $ step...
//	step      = .name | ."name" | .* | [subscript, ...] | [*] | ['name']
//	          | ..name | ..* | ?(condition) | [?(condition)]
//	subscript = n | last | last - n | subscript to subscript
//	condition = operand (== | = | != | <> | < | <= | > | >=) operand
//	          | operand like_regex "pattern" | operand starts with "text"
//	          | exists(path) | path | (condition) | !condition
//	          | condition && condition | condition || condition
//	operand   = @ step... | $ step... | "text" | 'text' | number | true | false | null
//
// Subscripts count from 0. In lax mode (the default) a step that a value does not
// have gives nothing, a member of an array is that of its elements, and an
// element of a value that is no array takes it for an array of one. In strict
// mode these are errors. The forms ['name'], ..name and [?()] are those of
// Goessner's JSONPath, the rest is SQL:2016.
package jsonpath
