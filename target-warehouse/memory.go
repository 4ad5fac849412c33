package main

import "tapline/singer"

// heapGrowth is by how many percent the heap may grow between two collections: half of Go's default, so that the peak is
// a time and a half of what is in use, and no longer twice. Most of that is a few large buffers without pointers, which
// cost the collector nothing: loads of millions of rows take no more CPU time than before.
const heapGrowth = 50

// heapRoom is what Go may take beside the records on their way: for the program, and for the columns of a Parquet file
// that are being compressed, which are two to three times a row group where there are hundreds of columns.
const heapRoom = 256 << 20

// boundHeap tells the collector how far the heap may grow. The limit is a soft one: a load that needs more gets it, and
// has its garbage collected sooner, which costs time: records of 50 MiB into Parquet take a third of the memory that they
// took without, and up to twice the CPU time, most of it for pages that go back to the system and come again.
func (s *settings) boundHeap() { singer.BoundHeap(heapGrowth, s.heapLimit()) }

// heapLimit is a number of bytes. Of loadMemory a half is for steps between input and committer, and a quarter for rows
// that wait to be staged.
func (s *settings) heapLimit() int64 { return s.loadMemory/4*3 + heapRoom }
