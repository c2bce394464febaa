# Figures and tables in notebooks, and the page that a reader opens.
