"""Administration: what an admin may do, with which key, and the record that each change leaves."""
