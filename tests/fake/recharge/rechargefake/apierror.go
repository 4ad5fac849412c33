package rechargefake

import "encoding/json"

// apiError is an answer that refuses.
type apiError struct {
	status int
	body   []byte
}

// refuse makes an answer with one member, under the key that Recharge uses there: error, errors or warning.
func refuse(status int, key string, value any) *apiError {
	body, _ := json.Marshal(map[string]any{key: value}) // plain values always encode
	return &apiError{status, body}
}

// invalid refuses a parameter.
func invalid(param, message string) *apiError {
	return refuse(422, "errors", map[string][]string{param: {message}})
}

func notFound() *apiError { return refuse(404, "errors", "Not Found") }
