package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

type envelope struct {
	XMLName xml.Name    `xml:"soapenv:Envelope"`
	Env     string      `xml:"xmlns:soapenv,attr"`
	XSD     string      `xml:"xmlns:xsd,attr"`
	XSI     string      `xml:"xmlns:xsi,attr"`
	Body    interface{} `xml:"soapenv:Body"`
}

func wrapped(body interface{}) envelope {
	return envelope{Env: "http://schemas.xmlsoap.org/soap/envelope/", XSD: "http://www.w3.org/2001/XMLSchema", XSI: "http://www.w3.org/2001/XMLSchema-instance", Body: body}
}

func encoded(code int, body interface{}) *httptest.ResponseRecorder {
	var text bytes.Buffer
	text.WriteString(xml.Header)
	if err := xml.NewEncoder(&text).Encode(wrapped(body)); err != nil {
		panic(err)
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(text.Bytes())
	return w
}

func faulted(fault types.BaseMethodFault, message string) *httptest.ResponseRecorder {
	type detail struct {
		Fault interface{} `xml:",typeattr"`
	}
	type body struct {
		Fault struct {
			XMLName xml.Name `xml:"soapenv:Fault"`
			Code    string   `xml:"faultcode"`
			Text    string   `xml:"faultstring"`
			Detail  detail   `xml:"detail"`
		}
	}
	var b body
	b.Fault.Code, b.Fault.Text, b.Fault.Detail.Fault = "ServerFaultCode", message, fault
	return encoded(http.StatusInternalServerError, b)
}

func taskAnswer(method, task string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	fmt.Fprintf(w, `%s<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><%[2]sResponse xmlns="urn:vim25"><returnval type="Task">%[3]s</returnval></%[2]sResponse></e:Body></e:Envelope>`, xml.Header, method, task)
	return w
}

func decoded(w *httptest.ResponseRecorder, body interface{}) error {
	d := xml.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	d.TypeFunc = types.TypeFunc()
	return d.Decode(&soap.Envelope{Body: body})
}

func copyTo(w http.ResponseWriter, from *httptest.ResponseRecorder) {
	for key, values := range from.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(from.Code)
	_, _ = w.Write(from.Body.Bytes())
}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if c, _, err := h.Hijack(); err == nil {
			_ = c.Close()
		}
	}
}
