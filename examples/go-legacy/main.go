// Package main checks the certificate of a host with a standard library that CVE-2020-0601 affects.
package main

import (
	"crypto/tls"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: legacy HOST:PORT")
		os.Exit(2)
	}
	connection, err := tls.Dial("tcp", os.Args[1], nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer connection.Close()
	fmt.Println(connection.ConnectionState().PeerCertificates[0].Subject)
}
