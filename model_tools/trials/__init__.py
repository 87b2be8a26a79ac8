"""Networks whose file says nothing, tried on a picture with a person in all usual ways."""
