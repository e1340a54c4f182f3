"""The doors: what a plugin returned is checked here, once, before anything else sees it.

Each function raises a PluginError that names the plugin, its distribution and version, what it returned,
and what the contract says. A file a kind of answer: what is checked of pairs has no sample made anew.
"""
