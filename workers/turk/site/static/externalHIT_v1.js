// HTMLQuestions name Amazon's script of this name; it is gone with Mechanical Turk. The same names, written anew.

function turkGetParam(name, otherwise = "") {
  return new URLSearchParams(location.search).get(name) ?? otherwise;
}

function turkGetSubmitToHost() {
  return turkGetParam("turkSubmitTo", new URL(document.baseURI).origin);
}

// Called at the end of a question: its form gets the assignment, and in a preview nothing can be sent.
function turkSetAssignmentID(formId = "mturk_form", buttonId = "submitButton") {
  const assignment = turkGetParam("assignmentId");
  const form = document.getElementById(formId);
  const field = form?.elements.assignmentId ?? document.getElementById("assignmentId");
  if (field) field.value = assignment;
  const button = document.getElementById(buttonId);
  if (button && assignment === "ASSIGNMENT_ID_NOT_AVAILABLE") {
    button.disabled = true;
    const words = "You must ACCEPT the HIT before you can submit the results.";
    if (button instanceof HTMLInputElement) button.value = words;
    else button.textContent = words;
  }
  if (form) form.action = `${turkGetSubmitToHost()}/mturk/externalSubmit`;
}
