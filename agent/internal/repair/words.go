package repair

// wordsOf are other words for the parameters of Close's tools, by resource: words
// that can only mean this parameter there. Words for an amount are missing on
// purpose (dollars or cents), as are those that start a message on its way.
var wordsOf = map[string]map[string]string{
	"notes":  {"text": "note", "content": "note", "body": "note", "message": "note", "notes": "note", "html": "note_html", "subject": "title"},
	"calls":  {"notes": "note", "text": "note", "content": "note", "summary": "note", "phone_number": "phone", "call_status": "status"},
	"emails": {"body": "body_text", "text": "body_text", "message": "body_text", "content": "body_text", "html": "body_html", "html_body": "body_html", "recipients": "to", "recipient": "to", "from": "sender", "title": "subject"},
	"sms":    {"body": "text", "message": "text", "content": "text"},
	"tasks":  {"completed": "is_complete", "complete": "is_complete", "done": "is_complete", "is_completed": "is_complete", "is_done": "is_complete", "title": "text", "description": "text", "content": "text", "note": "text", "body": "text", "name": "text", "subject": "text", "due": "date", "deadline": "date", "due_at": "date", "assignee": "assigned_to", "assignee_id": "assigned_to", "assigned_to_id": "assigned_to", "assigned_user_id": "assigned_to"},
	"leads":  {"company": "name", "company_name": "name", "lead_name": "name", "website": "url", "status_label": "status", "lead_status": "status", "custom": "custom_fields"},
	"contacts": {
		"full_name": "name", "contact_name": "name", "job_title": "title", "position": "title", "email_address": "emails", "email_addresses": "emails", "phone_number": "phones", "phone_numbers": "phones",
		"time_zone": "timezone", "custom": "custom_fields",
	},
	"opportunities":          {"close_date": "date_won", "closing_date": "date_won", "expected_close_date": "date_won", "win_date": "date_won", "value_cents": "value", "value_in_cents": "value", "amount_cents": "value", "amount_in_cents": "value", "probability": "confidence", "win_probability": "confidence", "period": "value_period", "notes": "note", "description": "note", "owner_id": "user_id", "assigned_to": "user_id", "custom": "custom_fields"},
	"comments":               {"text": "body", "content": "body", "message": "body", "note": "body"},
	"sequence_subscriptions": {"enrollment_id": "subscription_id", "sequence_subscription_id": "subscription_id"},
}

// wordsOfLists are other words for what lists of any resource take.
var wordsOfLists = map[string]string{
	"page_size": "_limit", "per_page": "_limit", "max_results": "_limit", "count": "_limit", "search_query": "query", "search_term": "query", "query_string": "query",
}

// rangeWords are the ends of names that say which end of a range is meant.
var rangeWords = map[string]string{"from": "gte", "since": "gte", "min": "gte", "after": "gt", "max": "lte", "before": "lt"}
