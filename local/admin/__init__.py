"""The admins' command line: admin keys with the deployment's AWS credentials, everything else over the admin API."""
