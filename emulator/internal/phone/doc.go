// Package phone reads phone numbers in any notation and returns them in the forms
// in which the service stores and shows them.
package phone
