package stripefake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// apiError is an answer with Stripe's error body
// (https://docs.stripe.com/api/errors).
type apiError struct {
	status  int
	Code    string `json:"code,omitempty"`
	DocURL  string `json:"doc_url,omitempty"`
	Message string `json:"message"`
	Param   string `json:"param,omitempty"`
	Type    string `json:"type"`
}

func (e *apiError) Error() string { return e.Message }

func (e *apiError) body() []byte {
	if e.Code != "" {
		e.DocURL = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(e.Code, "_", "-")
	}
	body, _ := json.Marshal(map[string]*apiError{"error": e}) // strings always encode
	return body
}

func invalid(status int, code, param, format string, args ...any) *apiError {
	return &apiError{status: status, Code: code, Param: param, Type: "invalid_request_error", Message: fmt.Sprintf(format, args...)}
}

// missing says that no object has the id which param carried. In a path the
// parameter is called id.
func missing(component, param, id string) *apiError {
	return invalid(http.StatusNotFound, "resource_missing", param, "No such %s: '%s'", component, id)
}

func unrecognized(r *http.Request) *apiError {
	return invalid(http.StatusNotFound, "", "", "Unrecognized request URL (%s: %s). Check the path and the method.", r.Method, r.URL.Path)
}
