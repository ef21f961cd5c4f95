package accounts

// State is what the grant of an account is worth. It says nothing about the
// health of the connection, which is a matter of its own (see [Health]).
type State string

// The states.
const (
	// Pending accounts exist and were never authorized.
	Pending State = "PENDING"
	// Verifying accounts have the consent of somebody, and wait for the host to
	// confirm that it was the right person. They hold no tokens.
	Verifying State = "VERIFYING"
	// Active accounts hold a grant that is believed good.
	Active State = "ACTIVE"
	// Expired accounts have no valid access token and could not renew it yet;
	// the grant was not refused.
	Expired State = "EXPIRED"
	// Revoked accounts hold a grant that the provider refused for good.
	Revoked State = "REVOKED"
	// Disconnected accounts were ended on our side. Nothing is held for them.
	Disconnected State = "DISCONNECTED"
)

// States lists all states in the order of a life.
func States() []State {
	return []State{Pending, Verifying, Active, Expired, Revoked, Disconnected}
}

// Reason says why an account is in its state. The texts are stable.
type Reason string

// The reasons. The empty reason means that nothing is the matter.
const (
	UserDenied          Reason = "user_denied"          // the user said no on the consent page
	InvalidGrant        Reason = "invalid_grant"        // the provider refused the refresh token
	RotationLost        Reason = "rotation_lost"        // the successor of a refresh token got lost
	NoRefreshToken      Reason = "no_refresh_token"     // the provider issued none, and the access token ended
	TransientExhausted  Reason = "transient_exhausted"  // trouble of the provider or the network outlived the token
	IdentityMismatch    Reason = "identity_mismatch"    // somebody else's tokens came back
	HostDisconnect      Reason = "host_disconnect"      // the host program ended it
	AdminDisconnect     Reason = "admin_disconnect"     // an operator ended it
	VerificationTimeout Reason = "verification_timeout" // nobody confirmed in time
	VerificationFailed  Reason = "verification_failed"  // somebody else tried to confirm
)

// FailureKind says what went wrong with an attempt to renew.
type FailureKind string

// The kinds. The empty kind means that nothing went wrong.
const (
	NotSent         FailureKind = "not_sent"          // proven not to have reached the provider
	InDoubt         FailureKind = "in_doubt"          // sent, no complete answer
	RejectedInDoubt FailureKind = "rejected_in_doubt" // the same, and the provider refuses the access token too
	ProviderTrouble FailureKind = "provider_trouble"  // 5xx, 429 or an answer that is not OAuth
	GrantRefused    FailureKind = "grant_refused"     // invalid_grant
	ConfigTrouble   FailureKind = "config_error"      // invalid_client and its family
	BadSuccess      FailureKind = "bad_success"       // a success without a usable token
	StoreTrouble    FailureKind = "store_error"       // the store did not answer
	SealTrouble     FailureKind = "seal_error"        // the vault could not open or seal
	Busy            FailureKind = "busy"              // another process is renewing
	Suspended       FailureKind = "suspended"         // the breaker or limiter holds renewals back
)

// Action is what somebody can do about an error.
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
