package emulator

// registerAll adds the resources of Close to an engine.
func registerAll(e *engine) {
	e.custom = customValues
	for _, group := range [][]*resource{
		leadResources(), contactResources(), opportunityResources(), activityResources(), messageResources(),
		commentResources(), taskResources(), sequenceResources(), pipelineResources(), customFieldResources(),
		userResources(), webhookResources(), eventResources(),
	} {
		for _, r := range group {
			e.add(r)
		}
	}
}
