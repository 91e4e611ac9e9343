"""The ways out for notifications: a command to run, an address to post to. Both take a message once or say why not."""
