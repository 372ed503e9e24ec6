// Package file is the connector 'file' (alias 'filesystem'): it reads and writes
// rows in files, in any format of the registry.
//
// The source reads one file, a list, a directory or a glob, plain or compressed
// with gzip or zstd, as one split or as a split per file; it ends with its files
// or watches a directory for new ones. An offset names the file and the byte
// after the last record, so reading resumes anywhere. A file is cut at record
// ends (by the format's Cutter) into chunks that share pooled buffers; chunks
// are decoded by whoever holds them.
//
// The sink writes files of rows into a directory, exactly once: a file being
// written has a name that begins with a point, grows by whole epochs, is cut
// back to its committed length after a crash and gets its final name when it is
// rolled. Readers that leave out names beginning with '.' or '_' see finished
// files of committed rows only.
//
// The package knows formats by their interface and the file system by
// connectors.FS.
package file
