package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHandler(t *testing.T) {
	for path, want := range map[string]int{"/": http.StatusOK, "/healthz": http.StatusNoContent, "/other": http.StatusNotFound} {
		answer := httptest.NewRecorder()
		handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if answer.Code != want {
			t.Fatalf("%s: got %d, want %d", path, answer.Code, want)
		}
	}
}
