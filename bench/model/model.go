// Package model holds the types of the hand-written clients, in the usual style of
// encoding/json: plain values, null and absent are the zero value, unknown members
// are dropped.
package model

import "time"

// Page is a page of leads.
type Page struct {
	Data    []Lead `json:"data"`
	HasMore bool   `json:"has_more"`
}

// Lead is a company that might buy.
type Lead struct {
	Addresses             []Address     `json:"addresses,omitzero"`
	ContactIDs            []string      `json:"contact_ids"`
	Contacts              []Contact     `json:"contacts,omitzero"`
	ContactsSummary       string        `json:"contacts_summary,omitzero"`
	CreatedBy             string        `json:"created_by"`
	CreatedByName         string        `json:"created_by_name,omitzero"`
	DateCreated           time.Time     `json:"date_created"`
	DateUpdated           time.Time     `json:"date_updated"`
	Description           string        `json:"description"`
	DisplayName           string        `json:"display_name,omitzero"`
	HTMLURL               string        `json:"html_url"`
	ID                    string        `json:"id"`
	IntegrationLinks      []Link        `json:"integration_links,omitzero"`
	Localtime             string        `json:"localtime,omitzero"`
	Name                  string        `json:"name"`
	Opportunities         []Opportunity `json:"opportunities,omitzero"`
	OrganizationID        string        `json:"organization_id"`
	PrimaryAddressSummary string        `json:"primary_address_summary,omitzero"`
	PrimaryEmail          *Email        `json:"primary_email,omitzero"`
	PrimaryPhone          *Phone        `json:"primary_phone,omitzero"`
	Source                string        `json:"source,omitzero"`
	StatusID              string        `json:"status_id"`
	StatusLabel           string        `json:"status_label,omitzero"`
	Tasks                 []Task        `json:"tasks,omitzero"`
	UpdatedBy             string        `json:"updated_by"`
	UpdatedByName         string        `json:"updated_by_name,omitzero"`
	URL                   string        `json:"url"`
}

// Address is a postal address of a lead.
type Address struct {
	Address1 string   `json:"address_1"`
	Address2 string   `json:"address_2"`
	City     string   `json:"city"`
	Country  string   `json:"country"`
	Label    string   `json:"label"`
	State    string   `json:"state"`
	TzIDs    []string `json:"tz_ids,omitzero"`
	Zipcode  string   `json:"zipcode"`
}

// Contact is a person at a lead.
type Contact struct {
	CreatedBy        string    `json:"created_by"`
	DateCreated      time.Time `json:"date_created"`
	DateUpdated      time.Time `json:"date_updated"`
	DisplayName      string    `json:"display_name"`
	Emails           []Email   `json:"emails,omitzero"`
	ID               string    `json:"id"`
	IntegrationLinks []Link    `json:"integration_links,omitzero"`
	LeadID           string    `json:"lead_id,omitzero"`
	Name             string    `json:"name"`
	OrganizationID   string    `json:"organization_id"`
	Phones           []Phone   `json:"phones,omitzero"`
	Timezone         string    `json:"timezone,omitzero"`
	TimezoneSource   string    `json:"timezone_source,omitzero"`
	Title            string    `json:"title"`
	UpdatedBy        string    `json:"updated_by"`
	URLs             []URL     `json:"urls,omitzero"`
}

// Email is an email address of a contact.
type Email struct {
	Email          string `json:"email"`
	IsUnsubscribed bool   `json:"is_unsubscribed"`
	Type           string `json:"type"`
}

// Phone is a phone number of a contact.
type Phone struct {
	Country            string   `json:"country,omitzero"`
	OutboundSMSBlocked bool     `json:"outbound_sms_blocked,omitzero"`
	Phone              string   `json:"phone"`
	PhoneFormatted     string   `json:"phone_formatted,omitzero"`
	Type               string   `json:"type"`
	TzIDs              []string `json:"tz_ids,omitzero"`
}

// URL is a website of a contact.
type URL struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// Link is a link to another program.
type Link struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Task is a task on a lead.
type Task struct {
	Type           string    `json:"_type"`
	ID             string    `json:"id"`
	AssignedTo     string    `json:"assigned_to"`
	AssignedToName string    `json:"assigned_to_name,omitzero"`
	LeadID         string    `json:"lead_id"`
	LeadName       string    `json:"lead_name,omitzero"`
	Text           string    `json:"text"`
	IsComplete     bool      `json:"is_complete"`
	IsDateless     bool      `json:"is_dateless"`
	Date           string    `json:"date"`
	DueDate        string    `json:"due_date"`
	DateCreated    time.Time `json:"date_created"`
	DateUpdated    time.Time `json:"date_updated"`
	OrganizationID string    `json:"organization_id"`
}

// Opportunity is a deal.
type Opportunity struct {
	AnnualizedExpectedValue int64     `json:"annualized_expected_value"`
	AnnualizedValue         int64     `json:"annualized_value"`
	Confidence              int       `json:"confidence"`
	ContactID               string    `json:"contact_id"`
	ContactName             string    `json:"contact_name,omitzero"`
	CreatedBy               string    `json:"created_by"`
	CreatedByName           string    `json:"created_by_name,omitzero"`
	DateCreated             time.Time `json:"date_created"`
	DateLost                string    `json:"date_lost"`
	DateUpdated             time.Time `json:"date_updated"`
	DateWon                 string    `json:"date_won"`
	ExpectedValue           int64     `json:"expected_value"`
	ID                      string    `json:"id"`
	IntegrationLinks        []Link    `json:"integration_links,omitzero"`
	IsStalled               bool      `json:"is_stalled,omitzero"`
	LeadID                  string    `json:"lead_id"`
	LeadName                string    `json:"lead_name,omitzero"`
	Note                    string    `json:"note"`
	OrganizationID          string    `json:"organization_id"`
	PipelineID              string    `json:"pipeline_id,omitzero"`
	PipelineName            string    `json:"pipeline_name,omitzero"`
	StatusDisplayName       string    `json:"status_display_name,omitzero"`
	StatusID                string    `json:"status_id"`
	StatusLabel             string    `json:"status_label,omitzero"`
	StatusType              string    `json:"status_type,omitzero"`
	UpdatedBy               string    `json:"updated_by"`
	UpdatedByName           string    `json:"updated_by_name,omitzero"`
	UserID                  string    `json:"user_id"`
	UserName                string    `json:"user_name,omitzero"`
	Value                   int64     `json:"value"`
	ValueCurrency           string    `json:"value_currency,omitzero"`
	ValueFormatted          string    `json:"value_formatted,omitzero"`
	ValuePeriod             string    `json:"value_period"`
}

// CreateOpportunity is a request body; nil members are omitted.
type CreateOpportunity struct {
	LeadID      *string        `json:"lead_id,omitempty"`
	StatusID    *string        `json:"status_id,omitempty"`
	UserID      *string        `json:"user_id,omitempty"`
	ContactID   *string        `json:"contact_id,omitempty"`
	Note        *string        `json:"note,omitempty"`
	Confidence  *int64         `json:"confidence,omitempty"`
	Value       *int64         `json:"value,omitempty"`
	ValuePeriod *string        `json:"value_period,omitempty"`
	Custom      map[string]any `json:"custom_fields,omitempty"`
}

// Me is the user of the API key.
type Me struct {
	ID               string    `json:"id"`
	Email            string    `json:"email"`
	FirstName        string    `json:"first_name"`
	LastName         string    `json:"last_name"`
	Image            string    `json:"image"`
	EmailVerifiedAt  time.Time `json:"email_verified_at"`
	LastUsedTimezone string    `json:"last_used_timezone"`
	DateCreated      time.Time `json:"date_created"`
	DateUpdated      time.Time `json:"date_updated"`
	Organizations    []Org     `json:"organizations"`
}

// Org is an organization of a user.
type Org struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Currency    string    `json:"currency"`
	DateCreated time.Time `json:"date_created"`
	DateUpdated time.Time `json:"date_updated"`
	CreatedBy   string    `json:"created_by"`
}
