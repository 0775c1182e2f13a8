"""A codéveloppement session beside a video call: the meeting, and the service around it."""
