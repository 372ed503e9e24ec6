// Package rank holds the operators that keep the first rows of each partition:
// ROW_NUMBER, RANK and DENSE_RANK with a filter on the rank (top-N, and
// de-duplication, which is top-1), ORDER BY ... LIMIT over inputs without end,
// and the same within windows.
//
// A row is kept as one record of bytes whose order is that of the rows: the
// terms of ORDER BY first, then all columns, so that comparing, finding and
// telling apart rows is comparing bytes. The records of a partition hang in a
// treap (Seidel and Aragon, 1996) that knows the sizes of its subtrees, so that
// the row at a place and the place of a row are found in logarithmic time. The
// records are what is stored; the trees are built again after a restart.
//
// Over an input that only appends, a record that is behind the last place is
// dropped at once: most rows are turned away by comparing one word. Over one
// that takes rows back all rows stay, for each may move up.
//
// Changes come out before each barrier and when there is nothing else to do,
// once for each partition that was touched: the rows that were visible before
// are compared with those that are now.
package rank
