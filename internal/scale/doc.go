// Command scale shows how what the commands cost grows: it makes recordings that
// differ in one dimension, runs the real binaries on each as processes of their
// own, and prints CPU time, peak memory and size, each beside the step before
// with the exponent of growth.
//
//	go run ./internal/scale -bin bin             every case, in under half an hour
//	go run ./internal/scale -bin bin -case hours
//
// An exponent of 1 is growth in proportion, 0 none at all. Below a tenth of a
// second and 10 MiB more than a program that does nothing no exponent is given:
// that is noise.
package main
