"""What Waypost is made of: a bill of materials, licences, known vulnerabilities."""
