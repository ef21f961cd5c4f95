package closekit

// OverrideParams is what a long query becomes.
var OverrideParams = overrideParams
