// Package setop holds INTERSECT and EXCEPT: a table of all different rows, each
// with how many of it either input has and how many of it have been given out.
//
// Rows that are taken back count downwards, so both inputs may update. What a
// row's counts ask for is compared with what was given out before each barrier
// and when there is nothing else to do; the difference leaves as +I or -D rows.
package setop
