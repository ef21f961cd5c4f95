package accounts

// State is the condition of an account's grant. It does not depend on the health
// of the connection (see [Health]).
type State string

// The states.
const (
	// Pending accounts exist and were never authorized.
	Pending State = "PENDING"
	// Verifying accounts have a consent, and wait for the host to confirm that
	// the right user gave it. They hold no tokens.
	Verifying State = "VERIFYING"
	// Active accounts hold a grant that is considered good.
	Active State = "ACTIVE"
	// Expired accounts have no valid access token, since renewing it failed; the
	// grant was not refused.
	Expired State = "EXPIRED"
	// Revoked accounts hold a grant that the provider refused for good.
	Revoked State = "REVOKED"
	// Disconnected accounts were ended by the host or an operator. They hold no
	// tokens.
	Disconnected State = "DISCONNECTED"
)

// States lists all states in the order of a life.
func States() []State {
	return []State{Pending, Verifying, Active, Expired, Revoked, Disconnected}
}

// Reason is why an account is in its state. The values are stable.
type Reason string

// The reasons. The empty reason means that nothing is wrong.
const (
	UserDenied          Reason = "user_denied"          // the user denied access on the consent page
	InvalidGrant        Reason = "invalid_grant"        // the provider refused the refresh token
	RotationLost        Reason = "rotation_lost"        // the successor of a refresh token was lost
	NoRefreshToken      Reason = "no_refresh_token"     // the provider issued none, and the access token ended
	TransientExhausted  Reason = "transient_exhausted"  // the provider or the network failed until the token had ended
	IdentityMismatch    Reason = "identity_mismatch"    // the provider issued tokens for a different Close user
	HostDisconnect      Reason = "host_disconnect"      // the host program ended it
	AdminDisconnect     Reason = "admin_disconnect"     // an operator ended it
	VerificationTimeout Reason = "verification_timeout" // the host did not confirm in time
	VerificationFailed  Reason = "verification_failed"  // another user tried to confirm
)

// FailureKind is how an attempt to renew failed.
type FailureKind string

// The kinds. The empty kind means success.
const (
	NotSent         FailureKind = "not_sent"          // proven not to have reached the provider
	InDoubt         FailureKind = "in_doubt"          // sent, without a complete response
	RejectedInDoubt FailureKind = "rejected_in_doubt" // the same, and the provider rejects the access token too
	ProviderTrouble FailureKind = "provider_trouble"  // 5xx, 429 or a response that is not OAuth
	GrantRefused    FailureKind = "grant_refused"     // invalid_grant
	ConfigTrouble   FailureKind = "config_error"      // invalid_client and its family
	BadSuccess      FailureKind = "bad_success"       // a success without a usable token
	StoreTrouble    FailureKind = "store_error"       // the store failed
	Busy            FailureKind = "busy"              // another process is renewing
	Suspended       FailureKind = "suspended"         // the breaker or limiter holds renewals back
)

// Action is how to recover from an error.
type Action string

// The actions.
const (
	NoAction     Action = "none"          // nothing to do
	Reconnect    Action = "reconnect"     // the user must authorize again
	Wait         Action = "wait"          // try again later
	CallOperator Action = "call_operator" // the operator of the host program must act
)

// HealthState is how well a connection as a whole works.
type HealthState string

// The health states of a connection.
const (
	HealthOK          HealthState = "OK"
	HealthConfigError HealthState = "CONFIG_ERROR" // the client id or secret is refused
	HealthThrottled   HealthState = "THROTTLED"    // the provider fails or asks to slow down
	HealthSuspect     HealthState = "SUSPECT"      // suspiciously many grants are refused at once
)
