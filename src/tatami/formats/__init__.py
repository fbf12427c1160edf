"""Files: atomic writes and safetensors."""
