package crm

import (
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/value"
)

type object = value.Object

// Register adds the resources of Close to an engine.
func Register(e *rest.Engine) {
	e.CustomValues, e.UseFile = customValues, UseFile
	for _, group := range [][]*rest.Resource{
		leadResources(), contactResources(), opportunityResources(), activityResources(),
		{noteResource(), callResource(), emailResource(), threadResource(), smsResource(), customActivityResource(), customObjectResource()},
		{whatsAppResource(), meetingResource(), outcomeResource(), formResource(), submissionResource()},
		commentResources(), taskResources(), sequenceResources(), pipelineResources(), customFieldResources(), customTypeResources(),
		userResources(), memberResources(), roleResources(), groupResources(), webhookResources(), eventResources(), templateResources(),
		sendAsResources(), schedulingResources(), telephonyResources(), playbookResources(), integrationLinkResources(), unsubscribedResources(), fileResources(),
		searchResources(), bulkResources(), exportResources(), reportResources(), enrichmentResources(),
	} {
		for _, r := range group {
			e.Add(r)
		}
	}
}
