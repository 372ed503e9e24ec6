// Package canal is the format 'canal-json': changes of MySQL tables as Alibaba's
// Canal writes them, {"data": [...], "old": [...], "type": ...}.
//
// What flows in: a record for the rows that one statement has changed in one
// table. What flows out: rows with kinds: type INSERT is a +I of each element of
// "data"; UPDATE a -U and a +U each, where the old row is the new one with the
// members that "old" has; DELETE a -D each. Statements that change no rows (isDdl)
// and messages without a value are no rows; TRUNCATE is a bad record, since the
// rows that it takes away are not known. Values stand in strings, as Canal has
// them, or as they are.
package canal
