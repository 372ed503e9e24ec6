// Package decimal is exact arithmetic on DECIMAL(p, s): 128-bit integers that
// count units of 10^-s. Results that lose digits are rounded half up (away from
// zero); what needs more digits than its type has is an overflow, told by ok =
// false. The types of results follow Flink (LogicalTypeMerging).
package decimal
