using LogHttp.Cli;

return CommandTree.Create().Parse(args).Invoke();
