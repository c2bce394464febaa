# What was asked for on the command line, most of which Snakemake tells a workflow only after it has read these files: what
# is said of train_target is meant for the rules of all batches of seeds; a notebook is opened where Jupyter will open it.
FAMILIES = {family: {rule for rule in BATCHED if BATCHED[rule] == family} for family in BATCHED.values()}


def for_batches(given):
    """Names of rules, or what is set for each, with the rules of all batches in place of their family."""
    if hasattr(given, "items"):
        return {**{rule: given[family] for rule, family in BATCHED.items() if family in given}, **given}
    return {rule for name in given for rule in FAMILIES.get(name, {name})}


NAMING = {
    "dag_settings": ["omit_from", "until", "forcerun"],
    "scheduling_settings": ["prioritytargets"],
    "group_settings": ["overwrite_groups"],
    "resource_settings": ["overwrite_threads"],
}


def keep_figures():
    """Snakemake deletes outputs before a notebook is opened: what is to be updated it keeps, and puts back after a failure."""
    for one in workflow.rules:
        for file in one.output if one.notebook else []:
            file.set_flags(file.flags | {"update": True})


class Asked(type(workflow)):
    def __setattr__(self, name, value):
        for option in NAMING.get(name, []):
            setattr(value, option, for_batches(getattr(value, option)))
        if name == "execution_settings" and value.edit_notebook:
            if os.geteuid() == 0 and not value.edit_notebook.draft_only:
                refuse("--edit-notebook: Jupyter does not run as root: run Snakemake as another user")
            keep_figures()
        super().__setattr__(name, value)


workflow.__class__ = Asked
workflow.resource_settings = workflow.resource_settings  # the only ones that are told already
