"""Builds one self-contained HTML page of a folder of runs: `byzdl report FOLDER`."""
