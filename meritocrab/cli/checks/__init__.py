"""What `meritocrab doctor` looks at, one module for each thing that can be amiss."""
