package closekit

// OverrideParams returns the body of a long query.
var OverrideParams = overrideParams
